-- Goes on with what was held.
obj.spec.suspend = nil
return obj
