"""What a person feels at the console, measured from outside, in a terminal."""
