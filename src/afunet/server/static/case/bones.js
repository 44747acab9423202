/* The names that a piece may be given: free text could name a patient. */

const SIDED = ["femur", "tibia", "fibula", "patella", "foot", "pelvis"];

export const NAMES = [...SIDED.flatMap((bone) => [`left ${bone}`, `right ${bone}`]), ...SIDED, "vertebra", "unknown"];
