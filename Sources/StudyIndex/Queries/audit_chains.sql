SELECT DISTINCT chain FROM audit_seal ORDER BY chain
