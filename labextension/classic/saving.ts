/** Saves the notebook, one save at a time: the page takes what another one has just written for somebody else's. */

export class Saving {
  constructor(private readonly notebook: Classic.Notebook) {}

  /** A save has begun, whosever it is. */
  begun(): void {
    this.busy = true;
  }

  /** One is over, well or not. What is asked for here ends without this, too, if the page asks its user. */
  ended(): void {
    if (!this.own) {
      this.rest();
    }
  }

  save(): void {
    const { dirty, writable } = this.notebook;
    if (dirty && writable) {
      if (this.busy) {
        this.due = true;
      } else {
        void this.saveNow();
      }
    }
  }

  private async saveNow(): Promise<void> {
    this.due = false;
    this.busy = this.own = true;
    try {
      await this.notebook.save_notebook();
    } catch (reason: unknown) {
      console.warn('jupyter-reactive: the notebook could not be saved', reason);
    }
    this.own = false;
    this.rest();
  }

  private rest(): void {
    this.busy = false;
    // The page takes all for saved by now, also what was typed meanwhile.
    if (this.due) {
      void this.saveNow();
    }
  }

  private busy = false;
  private own = false;
  // Is there something to save after that?
  private due = false;
}
