;; Logs a line that is said to be longer than the memory that it is in.
(import "host" "memory" (memory 2))
(import "host" "log" (func $log (param i32 i32 i32)))
(func (export "run") (param i32 i32) (result i32)
  (call $log (i32.const 1) (i32.const 65536) (i32.const 0x7fff_ffff))
  (unreachable))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
