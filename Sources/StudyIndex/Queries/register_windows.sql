-- $1 source, $2 weekdays, $3 first minutes, $4 end minutes, $5 utilisations, $6 associations (0: as the budget has it)
INSERT INTO budget_window (source_id, weekday, minutes, utilisation, associations)
SELECT $1, weekday, int4range(first::int4, stop::int4), utilisation, nullif(associations, 0)
FROM unnest($2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) AS w (weekday, first, stop, utilisation, associations)
