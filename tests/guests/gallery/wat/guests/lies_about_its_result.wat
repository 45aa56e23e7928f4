;; Gives a result that is said to end beyond the guest's memory, where the host's begins.
(import "host" "memory" (memory 2))
(func (export "run") (param i32 i32) (result i32)
  (i32.store offset=8 (i32.const 4096) (i32.const 0xffff_0000))
  (i32.store offset=12 (i32.const 4096) (i32.const 0xffff))
  (i32.const 4096))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
