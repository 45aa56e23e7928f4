;; Gives a result of a gigabyte, all of which it has.
(import "host" "memory" (memory 2))
(func (export "run") (param i32 i32) (result i32)
  (if (i32.eq (memory.grow (i32.const 16384)) (i32.const -1)) (then (unreachable)))
  (i32.store offset=8 (i32.const 4096) (i32.const 65536))
  (i32.store offset=12 (i32.const 4096) (i32.const 0x4000_0000))
  (i32.const 4096))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
