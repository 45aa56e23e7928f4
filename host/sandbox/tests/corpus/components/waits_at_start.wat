;; A component that waits for an hour in the host while it is instantiated: no language's own tools make one.
(component
  (import "longshore:job/types@0.1.0" (instance $types
    (type $permission' (record (field "kind" string) (field "target" string) (field "reason" string)))
    (export "permission" (type $permission (eq $permission')))
    (type $job-type' (record
      (field "name" string) (field "version" string) (field "title" string) (field "description" string)
      (field "input-schema" string) (field "output-schema" (option string)) (field "permissions" (list $permission))))
    (export "job-type" (type $job-type (eq $job-type')))
    (type $retry-request' (record (field "message" string) (field "after-ms" (option u64))))
    (export "retry-request" (type $retry-request (eq $retry-request')))
    (type $job-error' (variant
      (case "invalid-input" string) (case "failed" string) (case "retry" $retry-request) (case "cancelled")))
    (export "job-error" (type $job-error (eq $job-error')))))
  (alias export $types "job-type" (type $job-type))
  (alias export $types "job-error" (type $job-error))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $pollable'))
    (export "pollable" (type $pollable (eq $pollable')))
    (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core module $module
    (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
    (import "host" "block" (func $block (param i32)))
    (memory (export "memory") 1)
    (func $wait (call $block (call $subscribe (i64.const 3_600_000_000_000))))
    (start $wait)
    (func (export "describe") (result i32) unreachable)
    (func (export "run") (param i32 i32) (result i32) unreachable)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $instance (instantiate $module
    (with "host" (instance (export "subscribe" (func $subscribe)) (export "block" (func $block))))))
  (func $describe (result $job-type)
    (canon lift (core func $instance "describe")
      (memory (core memory $instance "memory")) (realloc (core func $instance "realloc"))))
  (func $run (param "input" string) (result (result string (error $job-error)))
    (canon lift (core func $instance "run")
      (memory (core memory $instance "memory")) (realloc (core func $instance "realloc"))))
  (export "describe" (func $describe))
  (export "run" (func $run)))
