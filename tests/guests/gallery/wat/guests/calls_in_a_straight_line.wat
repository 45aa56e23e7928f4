;; Calls the host again and again, with a line of 15 MiB, where no function and no loop begins.
(import "host" "memory" (memory 2))
(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "run") (param i32 i32) (result i32)
  (if (i32.eq (memory.grow (i32.const 240)) (i32.const -1)) (then (unreachable)))
  REPEAT 5000 (call $log (i32.const 1) (i32.const 65536) (i32.const 0xf0_0000))
  (unreachable))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
