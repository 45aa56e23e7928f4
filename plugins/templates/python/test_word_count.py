"""The whole job on a small table: `python3 -m unittest`."""

import json
import unittest

import longshore_testing as longshore  # before the job, which imports the modules that it provides

import app

NOTES = """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);
    INSERT INTO notes VALUES (1, 'one'), (2, 'two words'), (4, NULL), (7, ' and  now three '), (8, ''), (9, 'five');
"""
INPUT = {"table": "notes", "column": "text"}


def host() -> longshore.Host:
    # Two rows at a time, so that there are several batches.
    return longshore.Host(sources={"notes": NOTES}, batch_rows=2)


class WordCount(unittest.TestCase):
    def test_it_describes_itself(self):
        description = app.WitWorld().describe()
        self.assertEqual(description.name, "word_count")
        for schema in (description.input_schema, description.output_schema):
            self.assertEqual(json.loads(schema)["type"], "object")

    def test_words_are_counted(self):
        notes = host()
        result = notes.run(app.WitWorld(), INPUT)
        self.assertEqual(result, {"records_processed": 5, "words": 7, "file": "word_count.csv"})
        self.assertEqual(notes.artifacts["word_count.csv"], b"rowid,words\n1,1\n2,2\n7,3\n8,0\n9,1\n")

    def test_interruptions_do_not_show_in_the_file(self):
        longshore.assert_resumes(host, app.WitWorld, INPUT, interval=(app, "ROWS_PER_SAVE"))

    def test_a_wrong_column_is_an_invalid_input(self):
        with self.assertRaises(longshore.Err) as raised:
            host().run(app.WitWorld(), {**INPUT, "column": "body"})
        self.assertIsInstance(raised.exception.value, longshore.JobError_InvalidInput)
        self.assertIn("no such column: notes.body", raised.exception.value.value)


if __name__ == "__main__":
    unittest.main()
