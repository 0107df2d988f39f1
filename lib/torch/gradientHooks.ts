/** How many gradient hooks were registered outside of what compiled steps write down. */
export const gradientHooks = { count: 0 };
