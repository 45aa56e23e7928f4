;; Grows two tables by turns until neither grows any more.
(import "host" "memory" (memory 2))
(table $one 1 funcref)
(table $two 1 externref)
(func (export "run") (param i32 i32) (result i32)
  (loop $grow
    (br_if $grow (i32.ne (table.grow $one (ref.null func) (i32.const 1000)) (i32.const -1)))
    (br_if $grow (i32.ne (table.grow $two (ref.null extern) (i32.const 1000)) (i32.const -1))))
  (unreachable))
(func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
