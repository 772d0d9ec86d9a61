-- The last batch of a chain that has arrived. $1 chain
SELECT max(batch) FROM audit_seal WHERE chain = $1
