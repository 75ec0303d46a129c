import { accountsScene } from './accounts-scene.ts';
import { copyScene } from './copy-scene.ts';
import type { Scene, Stage } from './scene.ts';
import { shareScene } from './share-scene.ts';

/** What the demo shows, in order. */
export const SCENES: readonly Scene[] = [copyScene, shareScene, accountsScene];

export async function playScenes(scenes: readonly Scene[], stage: Stage): Promise<void> {
  for (const [index, scene] of scenes.entries()) {
    const heading = scenes.length === 1 ? scene.title : `${index + 1}. ${scene.title}`;
    stage.screen.line(stage.screen.style('bold', heading));
    await scene.play(stage);
    stage.screen.line();
  }
}
