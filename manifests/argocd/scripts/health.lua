-- Health of every kind of sallyport.dev, from its conditions as kstatus reads them, with what Argo CD has more words for:
-- what waits for a person or an hour is Suspended, what fails to be taken away is Degraded.
local waiting = { PendingApproval = true, Scheduled = true, Suspended = true, NoTasks = true }
local failing = { RevocationFailed = true }
local health = { status = "Progressing", message = "Waiting for Sallyport to look at it." }

if obj.status == nil or obj.status.conditions == nil then
  if obj.kind == "GrantReview" then
    -- A decision is complete as it is; the Grant takes it up.
    health.status = "Healthy"
    health.message = "Recorded."
  end
  return health
end

local ready, isReconciling, isStalled = nil, false, false
for _, condition in ipairs(obj.status.conditions) do
  if condition.type == "Ready" then
    ready = condition
  elseif condition.type == "Reconciling" then
    isReconciling = condition.status == "True"
  elseif condition.type == "Stalled" then
    isStalled = condition.status == "True"
  end
end
if ready == nil then
  return health
end
if ready.observedGeneration ~= nil and ready.observedGeneration ~= obj.metadata.generation then
  health.message = "Waiting for Sallyport to look at the change."
  return health
end

health.message = ready.message
if isStalled then
  health.status = "Degraded"
elseif ready.status == "True" then
  health.status = "Healthy"
elseif waiting[ready.reason] then
  -- A service whose tasks are only yet to start is not one that nobody wants to run.
  health.status = (ready.reason == "NoTasks" and isReconciling) and "Progressing" or "Suspended"
elseif failing[ready.reason] or not isReconciling then
  health.status = "Degraded"
end
return health
