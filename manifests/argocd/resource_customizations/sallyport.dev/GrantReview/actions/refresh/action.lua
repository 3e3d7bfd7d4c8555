-- Asks for a look at once, which also lifts Stalled. The token has to be a new one: any change of the object, this one too, makes
-- its resourceVersion one.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["sallyport.dev/reconcile-requested-at"] = obj.metadata.resourceVersion
return obj
