-- How long the source took for its reference question: where the median of the last five is twice what it was at first, the
-- rate is halved, and doubled again when it is well. Differences under 50 ms are noise. $1 source, $2 seconds
UPDATE budget b
SET reference_samples = s.samples,
    reference_baseline = CASE WHEN cardinality(s.samples) >= 3 THEN coalesce(b.reference_baseline, s.median) END,
    brake = CASE WHEN b.reference_baseline IS NULL THEN b.brake
                 WHEN s.median > 2 * b.reference_baseline + 0.05 THEN greatest(b.brake / 2, 0.0625)
                 WHEN s.median < 1.25 * b.reference_baseline + 0.05 THEN least(b.brake * 2, 1)
                 ELSE b.brake END
FROM (
    SELECT samples, (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY each) FROM unnest(samples) each) AS median
    FROM (SELECT (array_prepend($2::float8, reference_samples))[1:5] AS samples FROM budget WHERE source_id = $1) AS last
) AS s
WHERE b.source_id = $1
RETURNING b.brake, s.median, b.reference_baseline
