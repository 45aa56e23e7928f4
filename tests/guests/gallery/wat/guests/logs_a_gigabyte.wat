;; Logs a line of a gigabyte, all of which it has.
(import "host" "memory" (memory 2))
(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "run") (param i32 i32) (result i32)
  (if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then (unreachable)))
  (call $log (i32.const 1) (i32.const 65536) (i32.const 0x4000_0000))
  (unreachable))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
