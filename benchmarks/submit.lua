-- wrk: POST one JSON body over and over; count answers by status; print one JSON line at the end.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(args)
   counts = ""
   statuses = {}
   wrk.method = "POST"
   wrk.headers["Content-Type"] = "application/json"
   wrk.body = args[1]
end

function response(status, headers, body)
   statuses[status] = (statuses[status] or 0) + 1
   local parts = {}
   for code, number in pairs(statuses) do
      parts[#parts + 1] = string.format('"%d": %d', code, number)
   end
   counts = table.concat(parts, ", ")
end

function done(summary, latency, requests)
   -- One thread (-t1), so its counts are all there are.
   local errors = summary.errors
   io.write(string.format(
      '{"duration_s": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, "socket_errors": %d, "statuses": {%s}}\n',
      summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
      errors.connect + errors.read + errors.write + errors.timeout, threads[1]:get("counts")))
end
