-- $1 source, $2 whether
UPDATE source SET accepts_deletes = $2 WHERE id = $1
