;; Reads standard input to its end and echoes it, a buffer at a time.
;;
;;   printf 'one\ntwo\n' | polyagent run examples/wat/input-reader.wat
;;
;; Memory:   0 iovec {address, length}    8 bytes read or written    16 the buffer
;; Exit status: 0 at the end of the input, else the errno of the call that failed.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit"
    (func $proc_exit (param i32)))
  (memory 2)
  (export "memory" (memory 0))

  (global $buffer i32 (i32.const 16))
  (global $room i32 (i32.const 65536))

  (func $set_iovec (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length)))

  (func $exit_unless_zero (param $errno i32)
    (if (local.get $errno)
      (then (call $proc_exit (local.get $errno)))))

  ;; A write may take less than it was offered: go on with the rest.
  (func $write_all (param $length i32)
    (local $address i32)
    (local $written i32)
    (local.set $address (global.get $buffer))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $length)))
        (call $set_iovec (local.get $address) (local.get $length))
        (call $exit_unless_zero
          (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $written (i32.load (i32.const 8)))
        (local.set $address (i32.add (local.get $address) (local.get $written)))
        (local.set $length (i32.sub (local.get $length) (local.get $written)))
        (br $more))))

  (func $main (export "_start")
    (local $count i32)
    (block $end
      (loop $next
        (call $set_iovec (global.get $buffer) (global.get $room))
        (call $exit_unless_zero
          (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $count (i32.load (i32.const 8)))
        (br_if $end (i32.eqz (local.get $count)))
        (call $write_all (local.get $count))
        (br $next)))))
