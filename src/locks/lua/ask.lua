--- @fragment
--- A request for a lock, new or asked again. Needs `guard.lua`, `record.lua` and `queue.lua`.

-- What stands in the way, for whoever has to wait or to go; `position` is -1 for those who do not wait.
local function blocked_by(lock, position, guarded)
  local left = guarded or math.max(0, lock.expires - now)
  return { "WAIT", position, left, now, guarded and 1 or 0, lock.owner, lock.token, lock.since, lock.notes }
end

-- `request`: process, number, lease, patience, notes; `server`: generation, not_before, mail, counted. The second value
-- says whether the lock has changed.
local function ask(key, lock, request, server)
  local process, number, changed = request.process, request.number, false
  if has_ended(lock, process, number) then return { "ENDED" }, false end
  local holds = lock.owner == process and lock.expires > now
  if holds and lock.number == number then return granted(lock), false end
  local from, waits = place_of(lock, process)
  if holds and lock.number > number or waits and waits > number then return { "ENDED" }, false end
  -- It asks anew, so it has given up what it held or waited for; the end of that was lost on the way.
  if holds then
    mark_ended(lock, process, lock.number)
    lock.owner, lock.expires, changed = "", 0, true
  end
  if waits and waits < number then
    mark_ended(lock, process, waits)
    replace_line(lock, from, "")
    from, changed = nil, true
  end

  local refusal, left = nil, nil
  if lock.expires <= now then refusal, left = refuse_grant(server.generation, server.not_before) end
  if refusal and not left then return refusal, false end
  local is_free = lock.expires <= now and not refusal
  if is_free and lock.waiters == "" then
    grant(lock, process, number, request.lease, request.notes)
    return granted(lock), true
  end

  local position = -1
  if request.patience > 0 then
    -- Who waits already adds nothing: a full server lets that pass, as it lets a lock be handed over.
    if from then redis.call("PEXPIRE", key, "90000") end
    position, changed = put_waiter(lock, from, request), true
  end
  if is_free then
    promote(key, lock, process, server.mail, server.counted)
    if lock.waiters == "" and lock.expires <= now then grant(lock, process, number, request.lease, request.notes) end
    if lock.owner == process and lock.expires > now then return granted(lock), true end
    changed = true
  end
  return blocked_by(lock, position, left), changed
end
