-- wrk: each request picks a service, under an id of its own. Arguments: the run, the village, its bearer token.
local counter, prefix, body, headers = 0, "", "", {}

function init(arguments)
    prefix = arguments[1] .. "-"
    body = '{"need":"外来务工人员社保咨询与电子社保卡申领，请派人到村文化礼堂现场办理","category":"social_insurance","expected_people":120}'
    headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. arguments[3]}
end

function request()
    counter = counter + 1
    headers["Idempotency-Key"] = prefix .. counter
    return wrk.format("POST", nil, headers, body)
end

-- The threads' own counts are read by done() through the thread's globals.
other = 0
local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function response(status)
    if status ~= 201 then
        other = other + 1
    end
end

function done(summary, latency)
    local wrong = 0
    for _, thread in ipairs(threads) do
        wrong = wrong + thread:get("other")
    end
    io.write(string.format("count %d seconds %.3f rate %.1f p50_us %d p99_us %d other %d\n", summary.requests, summary.duration / 1e6,
        summary.requests / summary.duration * 1e6, latency:percentile(50), latency:percentile(99), wrong + summary.errors.connect +
        summary.errors.read + summary.errors.write + summary.errors.timeout))
end
