"""The kinds of work that the server's processes do, apart from the libraries that they need."""

INSPECT, SEGMENT, EXPORT = "inspect", "segment", "export"
EDIT, PAINT, UNDO = "edit", "paint", "undo"
TRAINING, ANSWER = "training", "answer"
