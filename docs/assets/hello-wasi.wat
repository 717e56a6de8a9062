;; The smallest useful guest: one line on standard output through WASI's fd_write.
;;
;;   polyagent run docs/assets/hello-wasi.wat
;;   Hello from WASI!
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory 1)
  (export "memory" (memory 0))

  ;; An iovec is an address and a length; the text lies behind it.
  (data (i32.const 8) "Hello from WASI!\n")

  (func $main (export "_start")
    (i32.store (i32.const 0) (i32.const 8))   ;; address of the text
    (i32.store (i32.const 4) (i32.const 17))  ;; its length
    (call $fd_write
      (i32.const 1)    ;; standard output
      (i32.const 0)    ;; the iovecs
      (i32.const 1)    ;; how many
      (i32.const 28))  ;; where the number of bytes written goes
    drop))
