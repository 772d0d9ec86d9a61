-- $1 source
UPDATE source SET facilities_assigned = true WHERE id = $1
