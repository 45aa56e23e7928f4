;; Grows its table until that does not grow any more.
(import "host" "memory" (memory 2))
(table $table 1 funcref)
(func (export "run") (param i32 i32) (result i32)
  (loop $grow
    (br_if $grow (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
  (unreachable))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
