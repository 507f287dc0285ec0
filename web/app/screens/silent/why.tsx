export function WhyScreen() { return null; }
