# Makes CRuby a language of the sandbox: waits for a program at the checkpoint, runs it, ends.
#
# The protocol is languages/PROTOCOL.md.  The host evaluates `load "/boot/boot.rb"` in a process that
# is forked while it waits in `read_request`; what happens before is paid once.
#
# The interpreter's own end (ruby_cleanup) is not among what the module exports, so at_exit blocks and
# the flushing of files are done here, and the end is `exit!`.

require "json"

module Kernel
  # Ruby's own list would never be run.
  at_exit_blocks = []
  define_method(:at_exit) do |&block|
    raise ArgumentError, "called without block" unless block
    at_exit_blocks << block
    block
  end
  private :at_exit
  module_function :at_exit
  BOOT = Module.new do
    define_singleton_method(:at_exit_blocks) { at_exit_blocks }
  end
  private_constant :BOOT
end

Kernel.const_get(:BOOT).module_eval do
  self::REQUEST = "/dev/sandbox/request"
  self::RESULT = "/dev/sandbox/result"
  self::RESULT_BYTES = 8 << 20
  # The last is the host's evaluation, which has no line.
  self::OWN_FRAME = %r{\A(?:/boot/boot\.rb:|eval:\d|[^:]*:in 'Kernel\.eval'\z)}
  boot = self
  request_path, result_path, own_frame = boot::REQUEST, boot::RESULT, boot::OWN_FRAME
  main = TOPLEVEL_BINDING.receiver
  stdout, stderr = $stdout, $stderr
  # Bound now: a program may redefine what it finds.
  leave, each_object, file_class = Process.method(:exit!), ObjectSpace.method(:each_object), File
  limit = boot::RESULT_BYTES
  exited = false # the program asked to exit

  # ---- messages ---------------------------------------------------------------------------------

  define_singleton_method(:read_request) do
    message = File.open(request_path, "rb", &:read)
    next nil if message.empty?
    header, program = message.split("\n", 2)
    [JSON.parse(header), (program || "").force_encoding(Encoding::UTF_8)]
  end

  define_singleton_method(:clean) do |text|
    text = text.encoding == Encoding::UTF_8 ? text : text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    text.valid_encoding? ? text : text.scrub("\u{fffd}")
  rescue EncodingError
    text.dup.force_encoding(Encoding::UTF_8).scrub("\u{fffd}")
  end

  # A program that broke what this needs loses its results and nothing else.
  define_singleton_method(:tell) do |message|
    File.open(result_path, "ab") { |file| file.write(JSON.generate(message), "\n") }
  rescue Exception # rubocop:disable Lint/RescueException
    nil
  end

  # ---- results ----------------------------------------------------------------------------------

  # The value as JSON could carry it, or nothing.
  define_singleton_method(:as_json) do |value, depth = 0|
    throw :not_json if depth > 90
    case value
    when nil, true, false, Integer then value
    when Float then value.finite? ? value : throw(:not_json)
    when String then boot.clean(value)
    when Symbol then boot.clean(value.to_s)
    when Array then value.map { |item| boot.as_json(item, depth + 1) }
    when Hash
      value.to_h do |key, item|
        throw :not_json unless key.is_a?(String) || key.is_a?(Symbol)
        [boot.clean(key.to_s), boot.as_json(item, depth + 1)]
      end
    else throw :not_json
    end
  end

  define_singleton_method(:show) do |value|
    data = {}
    if value.instance_of?(Array) || value.instance_of?(Hash)
      json = catch(:not_json) { boot.as_json(value) }
      data["application/json"] = json if json && JSON.generate(json).bytesize <= limit
    end
    if !value.is_a?(Class) && value.respond_to?(:to_html)
      html = (value.to_html rescue nil)
      data["text/html"] = boot.clean(html) if html.is_a?(String) && html.bytesize <= limit
    end
    text = boot.clean(value.inspect)
    text = "#{text[0, limit]}\u{2026} [#{text.size - limit} more characters]" if text.size > limit
    data["text/plain"] = text
    boot.tell({ type: "result", data: data })
  end

  # ---- errors -----------------------------------------------------------------------------------

  # A list of frames as it would be without this file.
  define_singleton_method(:program_frames) do |frames|
    frames.filter_map { |frame| frame.sub("<compiled>'", "<main>'") unless own_frame.match?(frame) }
  end
  define_singleton_method(:program_locations) { |locations| locations.reject { |at| own_frame.match?(at.to_s) } }

  # Backtraces are asked for in many places, by the program and by the interpreter.
  backtrace = Exception.instance_method(:backtrace)
  backtrace_locations = Exception.instance_method(:backtrace_locations)
  Exception.class_eval do
    define_method(:backtrace) { (frames = backtrace.bind_call(self)) && boot.program_frames(frames) }
    define_method(:backtrace_locations) { (all = backtrace_locations.bind_call(self)) && boot.program_locations(all) }
  end
  { caller: :program_frames, caller_locations: :program_locations }.each do |name, filter|
    all_frames = Kernel.instance_method(name)
    select = lambda do |receiver, start, length|
      frames = boot.public_send(filter, all_frames.bind_call(receiver, 3)) # past this and the method's frame
      start.is_a?(Range) ? frames[start] : (rest = frames.drop(start) and length ? rest.first(length) : rest)
    end
    Kernel.define_method(name) { |start = 1, length = nil| select.call(self, start, length) }
    Kernel.define_singleton_method(name) { |start = 1, length = nil| select.call(self, start, length) }
    Kernel.send(:private, name)
  end

  define_singleton_method(:complain) do |text|
    $stderr.write(text)
    $stderr.flush
  rescue Exception # rubocop:disable Lint/RescueException
    stderr.write(text) rescue nil
  end

  define_singleton_method(:report) do |error|
    boot.report_in_full(error)
  rescue Exception # of an error, or after a program, that breaks even that
    boot.complain("#{error.class}\n") rescue nil
  end

  define_singleton_method(:report_in_full) do |error|
    text = begin
      if error.backtrace.nil? || error.backtrace.empty? # a syntax error, or no memory for a backtrace
        "#{$0}: #{error.detailed_message(highlight: false)}"
      else
        error.full_message(highlight: false, order: :top)
      end
    rescue Exception # rubocop:disable Lint/RescueException
      "#{error.class}\n"
    end
    text = boot.clean(text)
    text += "\n" unless text.end_with?("\n")
    boot.complain(text)
    message = boot.clean((error.message rescue "").to_s)
    boot.tell({ type: "error", name: error.class.name.to_s, value: message[0, limit],
                traceback: text[0, limit] })
  end

  # What an exception that ends the program means for its exit status.
  define_singleton_method(:status_of) do |error|
    case error
    when SystemExit
      exited = true
      error.status & 0xff
    when SignalException
      boot.report(error)
      128 + error.signo
    else
      boot.report(error)
      1
    end
  end

  # ---- running ----------------------------------------------------------------------------------

  # After a fork nothing random may be the same in two processes.
  define_singleton_method(:freshen) do
    srand
    Random.srand
  end

  define_singleton_method(:prepare) do |header|
    ENV.replace(header["env"]) if header["env"]
    boot.freshen unless header["fresh"] == false
    boot.offer_calls(header)
    begin
      Dir.chdir(header["cwd"] || "/workspace")
    rescue SystemCallError => error
      boot.complain("cannot change to the folder: #{error.message}\n")
    end
    filename = header["filename"] || "main.rb"
    argv = header["argv"] || [filename]
    ARGV.replace(argv.drop(1))
    $0 = filename
    $LOAD_PATH.unshift(*header["path"]) if header["path"]
    limit = header["result_bytes"] || boot::RESULT_BYTES
    filename
  end

  # Whether this is all that somebody meant to type.  What is wrong is complete.
  define_singleton_method(:complete?) do |program|
    RubyVM::InstructionSequence.compile(program)
    true
  rescue SyntaxError => error
    open = /unexpected end-of-input|unterminated|meets end of file|expected an `end`|expected a `}` to close/
    !error.message.match?(open) || error.message.include?("ignoring it")
  end

  # What a session has, for somebody who looks at it: its top level's local and main's instance variables.
  define_singleton_method(:variables) do
    pairs = TOPLEVEL_BINDING.local_variables.map { |name| [name, TOPLEVEL_BINDING.local_variable_get(name)] }
    pairs += main.instance_variables.map { |name| [name, main.instance_variable_get(name)] }
    pairs.map do |name, value|
      text = (boot.clean(value.inspect)[0, 160] rescue "<inspect failed>")
      { name: name.to_s, type: value.class.to_s, repr: text, size: nil }
    end
  end

  # ---- tools of the caller's: Sandbox.tools.search(q: "...") -------------------------------------

  json_types = { "string" => [String], "integer" => [Integer], "number" => [Integer, Float], "boolean" => [TrueClass, FalseClass],
                 "object" => [Hash], "array" => [Array], "null" => [NilClass] }
  number, answers, calls_in, has_kv = 0, {}, nil, false
  define_singleton_method(:check_arguments) do |offer, given|
    schema = offer["parameters"] || {}
    known = schema["properties"] || {}
    given.each do |key, value|
      if !known.key?(key) && schema["additionalProperties"] == false
        raise ArgumentError, "#{offer["name"]} has no parameter #{key}"
      end
      wanted = json_types[known.dig(key, "type")]
      raise TypeError, "#{offer["name"]}: #{key} must be of type #{known.dig(key, "type")}" if wanted && wanted.none? { |c| value.is_a?(c) }
    end
    (schema["required"] || []).each { |key| raise ArgumentError, "#{offer["name"]} needs #{key}" unless given.key?(key) }
  end
  define_singleton_method(:answer_to) do |id|
    until answers.key?(id)
      line = (calls_in ||= File.open("/dev/sandbox/call", "r")).gets
      raise Sandbox::ToolError, "there is no answer any more" unless line
      answer = JSON.parse(line)
      answers[answer["id"]] = answer
    end
    answer = answers.delete(id)
    raise Sandbox::ToolError, answer["error"]["message"] if answer.key?("error")
    answer["result"]
  end
  define_singleton_method(:call_tool) do |offer, given|
    given = given.transform_keys(&:to_s)
    boot.check_arguments(offer, given)
    id = (number += 1)
    File.open("/dev/sandbox/call", "w") { |file| file.write(JSON.generate({ id: id, name: offer["name"], arguments: given }) + "\n") }
    boot.answer_to(id)
  end
  define_singleton_method(:ask_kv) do |name, **given|
    raise Sandbox::KvError, "this run has no key-value store: programs that a server runs have one (server.kv), unless they are deterministic" unless has_kv
    id = (number += 1)
    File.open("/dev/sandbox/call", "w") { |file| file.write(JSON.generate({ id: id, name: "kv.#{name}", arguments: given }) + "\n") }
    boot.answer_to(id)
  rescue Sandbox::ToolError => error
    raise Sandbox::KvError, error.message
  end
  # The key-value store: JSON values under text keys, which outlive the run.
  store = Class.new do
    define_method(:[]) { |key| boot.ask_kv("get", key: key.to_s)["value"] }
    define_method(:[]=) { |key, value| boot.ask_kv("put", key: key.to_s, value: value) }
    define_method(:key?) { |key| boot.ask_kv("get", key: key.to_s)["found"] }
    define_method(:delete) { |key| boot.ask_kv("delete", key: key.to_s) }
    define_method(:keys) do |prefix = ""|
      found, page = [], nil
      while page.nil? || page.size == 300
        more = page ? { after: page.last } : {}
        found.concat(page = boot.ask_kv("list", prefix: prefix, most: 300, **more))
      end
      found
    end
    def each = keys.each { |key| yield key, self[key] }
    def size = keys.size
    def inspect = "#<the key-value store>"
    include Enumerable
  end
  define_singleton_method(:make_sandbox) do
    sandbox = Object.const_set(:Sandbox, Module.new { class << self; attr_accessor :tools, :kv; end })
    sandbox.const_set(:ToolError, Class.new(StandardError))
    sandbox.const_set(:KvError, Class.new(StandardError))
    sandbox.kv = store.new
    sandbox
  end
  # Made when a program names it, so that a program may have a Sandbox of its own.
  define_singleton_method(:watch_for_sandbox) do
    Object.singleton_class.prepend(Module.new do
      define_method(:const_missing) { |name| equal?(Object) && name == :Sandbox ? boot.make_sandbox : super(name) }
    end)
  end
  boot.watch_for_sandbox
  define_singleton_method(:offer_calls) do |header|
    has_kv = header["kv"] == true
    answers.clear
    calls_in&.close
    calls_in = nil
    boot.offer_tools(header["tools"]) if header["tools"]
  end
  define_singleton_method(:offer_tools) do |offers|
    boot.make_sandbox unless Object.const_defined?(:Sandbox)
    Sandbox.tools = Object.new
    offers.each do |offer|
      Sandbox.tools.define_singleton_method(offer["name"]) { |**given| boot.call_tool(offer, given) }
    end
  end

  # Runs the block; returns the exit status, and the exception that ended it if there was one.
  define_singleton_method(:guarded) do |&block|
    block.call
    [0, nil]
  rescue Exception => error # rubocop:disable Lint/RescueException
    GC.enable # or a program that ran out of memory without it could not even end
    [boot.status_of(error), error]
  end

  define_singleton_method(:run_script) do |program, filename|
    program, data = program.split(/^__END__\r?\n/, 2)
    if data
      require "stringio"
      Object.const_set(:DATA, StringIO.new(data))
    end
    full = File.expand_path(filename)
    RubyVM::InstructionSequence.compile(program || "", filename, full, 1).eval
  end

  define_singleton_method(:run_expression) do |program, filename|
    value = TOPLEVEL_BINDING.eval(program, filename, 1)
    boot.show(value) unless value.nil?
  end

  define_singleton_method(:run) do |header, program|
    filename = boot.prepare(header)
    ended = boot.guarded do
      header["mode"] == "expression" && !program.match?(/^__END__\r?$/) ? boot.run_expression(program, filename) : boot.run_script(program, filename)
    end
    boot.flush
    ended
  end

  # ---- the end ----------------------------------------------------------------------------------

  define_singleton_method(:flush) do
    [$stdout, $stderr, stdout, stderr].each { |io| io.flush rescue nil }
  rescue Exception # rubocop:disable Lint/RescueException
    nil
  end

  # The blocks of at_exit, which find the exception that ended the program in $!.
  define_singleton_method(:run_hooks) do |status, error|
    begin
      raise error if error
    rescue Exception # rubocop:disable Lint/RescueException
      return boot.run_hooks(status, nil)
    end
    while (block = boot.at_exit_blocks.pop)
      begin
        block.call
      rescue Exception => error # rubocop:disable Lint/RescueException
        status = boot.status_of(error)
      end
    end
    status
  end

  define_singleton_method(:finish) do |status, error|
    status = boot.run_hooks(status, error)
    boot.flush
    each_object.call(file_class) { |file| file.flush unless file.closed? rescue nil }
  rescue Exception # rubocop:disable Lint/RescueException
    nil # the program broke what this needs
  ensure
    leave.call(status)
  end

  define_singleton_method(:main_loop) do
    while (request = boot.read_request)
      header, program = request
      request = nil
      if header["mode"] == "preload"
        boot.tell({ type: "done", exit_code: boot.guarded { boot.preload(program) }.first })
        next
      end
      if header["mode"] == "variables"
        boot.tell({ type: "variables", variables: boot.variables })
        boot.tell({ type: "done", exit_code: 0 })
        next
      end
      if header["mode"] == "complete"
        boot.tell({ type: "complete", complete: boot.complete?(program) })
        boot.tell({ type: "done", exit_code: 0 })
        next
      end
      exited = false
      status, error = boot.run(header, program)
      boot.finish(status, error) unless header["session"]
      boot.tell({ type: "done", exit_code: status, exited: exited })
    end
    leave.call(0)
  rescue Exception # rubocop:disable Lint/RescueException
    leave.call(1)
  end

  # ENV's own encoding is the locale's, which is ASCII here whatever LANG says.
  utf8 = ->(text) { text.is_a?(String) && text.encoding != Encoding::UTF_8 ? text.dup.force_encoding(Encoding::UTF_8).freeze : text }
  %i[[] fetch].each do |name|
    own = ENV.method(name)
    ENV.define_singleton_method(name) { |*args, &block| utf8.call(own.call(*args, &block)) }
  end
  env_pairs = ENV.method(:to_h)
  ENV.define_singleton_method(:to_h) { |&block| (all = env_pairs.call.to_h { |k, v| [utf8.call(k), utf8.call(v)] }) && block ? all.to_h(&block) : all }
  %i[each each_pair map values select filter to_a].each do |name|
    ENV.define_singleton_method(name) { |&block| to_h.public_send(name, &block) }
  end

  # ---- before the checkpoint --------------------------------------------------------------------

  stdout.sync = true # seen as it comes, and there when the run is killed
  main.define_singleton_method(:display_value) { |*values| values.each { |value| boot.show(value) } }
  define_singleton_method(:preload) do |names|
    names.split(/[\s,]+/).each { |name| require name unless name.empty? }
    GC.start
    Process.warmup if Process.respond_to?(:warmup)
  end

  # Once everything a run will do, so that no run does it for the first time.
  begin
    RubyVM::InstructionSequence.compile("1 + nil", "warm.rb", nil, 1).eval
  rescue TypeError => error
    error.full_message(highlight: false, order: :top)
  end
  TOPLEVEL_BINDING.eval("nil")
  JSON.generate(as_json({ "a" => [1, "b", nil] }))
  preload(ENV.delete("POLYAGENT_PRELOAD") || "")
  main_loop
end
