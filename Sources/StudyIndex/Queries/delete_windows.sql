DELETE FROM budget_window WHERE source_id = $1
