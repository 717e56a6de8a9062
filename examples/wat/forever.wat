;; Never ends by itself: what a time limit is for.
;;
;;   polyagent run --timeout 200ms examples/wat/forever.wat        exit status 124
(module
  (memory (export "memory") 1)
  (func (export "_start")
    (loop $again
      (br $again))))
