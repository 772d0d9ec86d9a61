SELECT id FROM source WHERE NOT facilities_assigned ORDER BY id
