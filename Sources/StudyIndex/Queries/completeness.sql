-- For each source and year the studies that the last pass over all patients has shown, and how many of them no sweep by date
-- had (F14).
SELECT s.name, extract(year FROM d.day)::int4, sum(d.studies)::int8, sum(d.beyond_dates)::int8
FROM patient_pass p JOIN patient_pass_day d USING (run_id, source_id) JOIN source s ON s.id = p.source_id
WHERE p.kind = 'prefixes'
GROUP BY 1, 2 ORDER BY 1, 2
