"""Bones: their surfaces, joints, breaks and metal, in the patient's frame."""
