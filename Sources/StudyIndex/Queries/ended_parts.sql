-- What the parts of a split range of days have shown together, when all of them are complete. A part is asked later than
-- the whole, and shows at least what the whole did. $1 parent
SELECT d.source_id, d.raw_rows, d.distinct_uids, d.uid_digest,
       sum(p.distinct_uids)::int8, bit_xor(p.uid_digest), max(p.raw_rows)
FROM slice d JOIN slice p ON p.parent_id = d.id
WHERE d.id = $1 AND d.axis = 'dates' AND d.final_status = 0
GROUP BY d.id
HAVING bool_and(p.state = 'complete' AND p.axis = 'dates')
