-- Which actions a person is offered, and which of them would do something now.
local kinds = {
  Grant = { "refresh", "revoke", "suspend", "resume" },
  Proxy = { "refresh", "suspend", "resume" },
  Availability = { "refresh", "suspend", "resume" },
}
local icons = {
  refresh = "fa fa-fw fa-rotate",
  revoke = "fa fa-fw fa-ban",
  suspend = "fa fa-fw fa-pause",
  resume = "fa fa-fw fa-play",
}
local isSuspended = obj.spec.suspend == true
local hasEnded = obj.spec.revocation ~= nil or (obj.status ~= nil and obj.status.endTime ~= nil)
local disabled = {
  refresh = false,
  revoke = hasEnded,
  suspend = isSuspended or hasEnded,
  resume = not isSuspended,
}

local actions = {}
for _, name in ipairs(kinds[obj.kind] or { "refresh" }) do
  actions[name] = { disabled = disabled[name], iconClass = icons[name] }
end
return actions
