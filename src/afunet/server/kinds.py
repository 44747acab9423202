"""The kinds of work that the server's processes do, apart from the libraries that they need."""

INSPECT, SEGMENT, EXPORT = "inspect", "segment", "export"
EDIT, PAINT, UNDO, FINISH = "edit", "paint", "undo", "finish"
TRAINING, ANSWER = "training", "answer"
