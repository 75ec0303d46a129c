-- Takes the event hints, with the pending copies that they name; nil without any hint. KEYS: event hints, pending.
local kept = redis.call('HKEYS', KEYS[1])
if #kept == 0 then return false end
local taken = {}
for _, image in ipairs(kept) do
  local copy = redis.call('HGET', KEYS[2], image)
  if copy then
    taken[#taken + 1] = image
    taken[#taken + 1] = copy
  end
end
redis.call('DEL', KEYS[1])
return taken
