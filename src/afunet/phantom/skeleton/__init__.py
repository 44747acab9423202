"""Bones: their surfaces, joints, fractures and metal, in the patient's frame."""
