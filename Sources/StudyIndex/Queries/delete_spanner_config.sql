DELETE FROM spanner_config WHERE id = $1
