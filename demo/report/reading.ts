/** How to read the figures of each section, by its name in the table of `page.ts`. In HTML. */
export const READINGS: Readonly<Record<string, string>> = {
  'Figure 1':
    'In (a) a line further left learns in fewer steps, and a higher end reads more digits; the axis is logarithmic, ' +
    'so that the first steps can be seen. In (b) and (c) a flat band means that the layers above see the same ' +
    'distribution all the time, and a band that wanders means that they must follow it.',
  'internal covariate shift':
    'A fan that keeps its place and width over the steps is a stable distribution; a median that leaves 0 is a ' +
    'shift. Rows or columns are networks, so compare the same layer in both.',
  noise:
    'The panel of motion shows how far the mean of what enters a unit of the last hidden layer moves from one ' +
    'minibatch to the next. A lead in accuracy that lasts while inputs move speaks against their rest as its reason.',
  'the loss along a step':
    'Lower is smoother: what the gradient promises holds further along the step, so that larger steps are safe.',
  'learning rates and initial weights':
    'A dark cell reads many digits. A wide dark area means that the choice matters little; the best cell of each map ' +
    'is what a careful engineer would get.',
  'both at their best':
    'Here neither network has a setting that does not suit it: what is left between the lines is what batch ' +
    'normalization does for whoever tunes both. Bands that overlap are chance.',
  dropout:
    'Compare ends, not only speed. In the table the difference of the first two columns is the gap between digits ' +
    'that were learnt and digits that were not seen: dropout is meant to narrow it.',
  saturation:
    'A high line is a layer whose sigmoids sit at their ends, where the gradient is nearly 0. Lines that fall show ' +
    'that the network gets out of it.',
  depth:
    'A line that falls to the right: deeper networks bear smaller steps. In the second drawing a level line is a ' +
    'network whose layers all work on the same scale.',
  gradients:
    'A line that rises to the left is a gradient that grows on its way back, by the same factor in each layer where ' +
    'it is straight.',
  inference:
    'Where the line of test batches lies below the other two, a prediction suffers from the company it is in. ' +
    'Where the band is wide, it depends on that company.',
  'batch size and statistics':
    'The nearer the lines, the less it matters by what inference normalises. Differences within the bands are chance.',
  cost: 'The length of a bar is a whole training step, its dark part batch normalization. Shorter is better.',
};
