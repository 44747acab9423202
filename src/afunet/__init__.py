"""Lower-limb bones from CT: a series in; a mask, a surface and an honest report out."""
