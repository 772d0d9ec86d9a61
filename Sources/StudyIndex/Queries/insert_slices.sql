-- $1 run, $2 parent or NULL, $3 sources, $4 levels, $5 axes, $6 date_from, $7 date_to (days since 2000-01-01),
-- $8 time_from, $9 time_to (microseconds), $10 UID; one array element per slice, in the reverse order of asking.
-- Numbers below -2^40 stand for NULL.
INSERT INTO slice (run_id, parent_id, source_id, level, axis, date_from, date_to, time_from, time_to, uids)
SELECT $1, $2, s.source_id, s.level, s.axis,
       CASE WHEN s.date_from > -1099511627776 THEN date '2000-01-01' + s.date_from::int4 END,
       CASE WHEN s.date_to > -1099511627776 THEN date '2000-01-01' + s.date_to::int4 END,
       CASE WHEN s.time_from > -1099511627776 THEN s.time_from END,
       CASE WHEN s.time_to > -1099511627776 THEN s.time_to END,
       CASE WHEN s.axis = 'uids' THEN ARRAY[s.uid] END
FROM unnest($3::int8[], $4::text[], $5::text[], $6::int8[], $7::int8[], $8::int8[], $9::int8[], $10::text[])
     WITH ORDINALITY AS s (source_id, level, axis, date_from, date_to, time_from, time_to, uid, position)
ORDER BY s.position
