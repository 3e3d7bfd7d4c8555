-- Ends the access now and keeps the record. It cannot be taken back.
obj.spec.revocation = { reason = "Revoked in Argo CD." }
return obj
