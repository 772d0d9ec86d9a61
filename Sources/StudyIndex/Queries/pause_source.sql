-- $1 source's name, $2 whether
UPDATE budget SET paused = $2 FROM source s WHERE s.id = budget.source_id AND s.name = $1
