-- $1 run, $2 parent or NULL, $3 the day they are parts of or NULL, $4 sources, $5 levels, $6 axes, $7 date_from,
-- $8 date_to (days since 2000-01-01), $9 time_from, $10 time_to (microseconds), $11 modalities, $12 patient prefixes,
-- $13 patient IDs, $14 UIDs joined by backslashes, $15 whether sized (0, 1); one array element per slice, in the reverse order of asking.
-- Numbers below -2^40 stand for NULL.
INSERT INTO slice (
    run_id, parent_id, day_id, sized, source_id, level, axis, date_from, date_to, time_from, time_to, modality,
    patient_prefix, patient_id, uids)
SELECT $1, $2, $3, s.sized > 0, s.source_id, s.level, s.axis,
       CASE WHEN s.date_from > -1099511627776 THEN date '2000-01-01' + s.date_from::int4 END,
       CASE WHEN s.date_to > -1099511627776 THEN date '2000-01-01' + s.date_to::int4 END,
       CASE WHEN s.time_from > -1099511627776 THEN s.time_from END,
       CASE WHEN s.time_to > -1099511627776 THEN s.time_to END,
       s.modality, s.patient_prefix, s.patient_id,
       CASE WHEN s.axis = 'uids' THEN string_to_array(s.uids, '\') END
FROM unnest($4::int8[], $5::text[], $6::text[], $7::int8[], $8::int8[], $9::int8[], $10::int8[], $11::text[],
            $12::text[], $13::text[], $14::text[], $15::int8[])
     WITH ORDINALITY AS s (source_id, level, axis, date_from, date_to, time_from, time_to, modality, patient_prefix,
                           patient_id, uids, sized, position)
ORDER BY s.position
