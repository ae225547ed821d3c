"""What people see of an evaluation: figures, the HTML report and the table in a terminal."""
