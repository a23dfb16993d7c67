/** The parts of the classic notebook that the adapter touches. */

declare namespace Classic {
  interface Message {
    readonly header: { readonly msg_type: string };
    readonly parent_header: object;
    readonly metadata: object;
    readonly content: { readonly data?: unknown };
  }

  interface Comm {
    send(data: object): string;
    on_msg(callback: (message: Message) => void): void;
  }

  interface Kernel {
    readonly name: string;
    readonly comm_manager: { new_comm(target: string, data: object): Comm };
    register_iopub_handler(type: string, handler: (message: Message) => void): void;
    set_callbacks_for_msg(request: string, callbacks: object): void;
    clear_callbacks_for_msg(request: string): void;
    send_shell_message(
      type: string,
      content: object,
      callbacks?: object,
      metadata?: object,
      buffers?: readonly ArrayBuffer[]
    ): string;
  }

  interface Cell {
    readonly cell_type: string;
    readonly id: string;
    readonly metadata: object;
    readonly element: ArrayLike<HTMLElement>;
    get_text(): string;
  }

  interface CodeCell extends Cell {
    readonly kernel: Kernel | null;
    clear_output(wait: boolean, ignoreQueue: boolean): void;
    get_callbacks(): object;
    set_input_prompt(count: number | null): void;
  }

  interface Notebook {
    readonly kernel: Kernel | null;
    readonly element: ArrayLike<HTMLElement>;
    get_cells(): Cell[];
  }
}

declare module 'base/js/namespace' {
  const Jupyter: { readonly notebook: Classic.Notebook };
  export = Jupyter;
}

declare module 'base/js/events' {
  const events: { on(names: string, handler: (event: unknown) => void): void } & {
    on(names: string, handler: (event: unknown, message: Classic.Message) => void): void;
  };
  export = events;
}

declare module 'notebook/js/codecell' {
  const module: {
    readonly CodeCell: {
      readonly prototype: { execute: (this: Classic.CodeCell, stopOnError?: boolean) => void };
    };
  };
  export = module;
}
