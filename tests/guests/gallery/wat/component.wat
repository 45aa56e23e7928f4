;; The frame of the guests in guests/, which are core modules: what they do to the boundary between guest and host, no
;; language's own tools would do. A guest stands in place of MODULE, under its name in place of NAME. It imports its memory and
;; `log`, and exports `run` and `realloc`; its lowest page is the frame's.
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
  (import "longshore:job/log@0.1.0" (instance $log
    (type $level' (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $level')))
    (export "write" (func (param "level" $level) (param "message" string)))))

  ;; Describes the guest soundly, so that it is loaded.
  (core module $frame
    (memory (export "memory") 2)
    (data (i32.const 1024) "NAME")
    (data (i32.const 2048) "{\"type\": \"object\"}")
    (func $text (param $field i32) (param $start i32) (param $length i32)
      (i32.store (local.get $field) (local.get $start))
      (i32.store offset=4 (local.get $field) (local.get $length)))
    ;; The record as the canonical ABI lays it out. There is no output schema, and no permission.
    (func (export "describe") (result i32)
      (call $text (i32.const 0) (i32.const 1024) (i32.const LENGTH))
      (call $text (i32.const 8) (i32.const 1024) (i32.const LENGTH))
      (call $text (i32.const 16) (i32.const 1024) (i32.const LENGTH))
      (call $text (i32.const 24) (i32.const 1024) (i32.const LENGTH))
      (call $text (i32.const 32) (i32.const 2048) (i32.const 18))
      (i32.const 0)))
  (core instance $frame (instantiate $frame))
  (alias core export $frame "memory" (core memory $memory))
  (core func $log (canon lower (func $log "write") (memory $memory)))

  (core module $guest MODULE)
  (core instance $guest (instantiate $guest
    (with "host" (instance (export "memory" (memory $memory)) (export "log" (func $log))))))

  (func (export "describe") (result $job-type) (canon lift (core func $frame "describe") (memory $memory)))
  (func (export "run") (param "input" string) (result (result string (error $job-error)))
    (canon lift (core func $guest "run") (memory $memory) (realloc (core func $guest "realloc")))))
