DELETE FROM spanner_source WHERE config_id = $1 AND id = $2
