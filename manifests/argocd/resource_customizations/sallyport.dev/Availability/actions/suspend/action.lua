-- Holds what is yet to be given or changed. Expiry and revocation are never held.
obj.spec.suspend = true
return obj
